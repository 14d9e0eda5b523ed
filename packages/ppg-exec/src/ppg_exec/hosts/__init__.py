"""Hosts: the processes of one machine, as the controller sees them."""
