"""The door of MOSIP's BioSDK service: records in, decisions, scores, templates and records out."""
