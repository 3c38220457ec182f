"""`python -m coordinator` is `quorum`."""

from coordinator.cli.app import main

if __name__ == "__main__":
    main()
