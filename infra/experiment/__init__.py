"""The centre of the house: load + fault schedule -> timeline, and the audit of what was promised."""
