"""The live coordinator: the same decision as in replay, among members that may be late or dead."""
