"""What tuning would take: memory, hours and money of every plan."""
