"""From a similarity to a verdict: calibration, policy, reasons."""
