"""ElastiCache: what AWS knows of a cache, and its parameter group in place of CONFIG SET."""
