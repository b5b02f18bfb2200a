"""The tamper-evident record of every verdict and every access: a Merkle log with signed checkpoints."""
