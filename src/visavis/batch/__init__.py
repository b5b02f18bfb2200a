"""Many pairs, each one claimed identity: the corridor over a table, with every answer in the ledger."""
