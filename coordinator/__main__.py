"""`python -m coordinator` is `quorum`."""

from coordinator.cli.entry import main

if __name__ == "__main__":
    main()
