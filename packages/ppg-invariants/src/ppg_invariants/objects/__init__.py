"""Objects: the room that encodes what functions capture and what global names stand for."""
