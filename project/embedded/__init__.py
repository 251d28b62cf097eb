"""The Valkeys that `manage.py up` starts where no server of the operator's own is named."""
