"""The command line, ``zstack-align``: one small file a command."""
