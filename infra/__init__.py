"""What it runs on: feeds, brokers, journal, gateway, Ray runtime."""
