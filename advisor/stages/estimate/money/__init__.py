"""Hours to money: offers, the whole bill, serving, hosted tuning, break-even."""
