"""The engine: queue, store, reconciler, conditions, status writer. It knows no kind."""
