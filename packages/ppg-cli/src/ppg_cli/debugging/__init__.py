"""Debugging: calls one job alone, under a debugger, or opens a shell for its command."""
