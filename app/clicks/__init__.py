"""From an answered redirect to the click stream: record, journal, ship."""
