"""The phone in front of a stall: scan, pay, invoice. No account; tokens open what the phone holds."""
