"""CacheTuning: a Redis server measured, its eviction policy kept, its keys given TTLs."""
