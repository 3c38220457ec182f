"""The paper broker: fills, exits, financing and margin on bars."""
