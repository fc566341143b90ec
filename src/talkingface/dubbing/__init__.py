"""What a dub is, in order: analyse, listen, plan, synthesise, finish."""
