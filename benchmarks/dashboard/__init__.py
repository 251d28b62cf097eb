"""What the dashboard takes of a trader's machine and of the server: a chain that is painted, a first row, hidden tabs."""
