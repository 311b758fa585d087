"""How the desk is doing: volume, backlog, times and compliance, counted when somebody asks."""
