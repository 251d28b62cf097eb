"""The bus to sockets: phases decide when, connections decide how much, consumers speak the protocol."""
