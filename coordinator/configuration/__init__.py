"""The configuration: one documented file, the environment, flags."""
