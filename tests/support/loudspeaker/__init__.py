"""An integration of Home Assistant with a media player that fetches what it is told to play."""
