"""Dashboards: what they are read from, what they show, and what they are made into."""
