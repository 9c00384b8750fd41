"""Faceloom's one command line: `python launch.py VERB --help`."""

from studio.commands import main

if __name__ == "__main__":
    main()
