"""Queue-service style calls: a workflow goes in under a name, its result goes to whoever has subscribed (docs/gateway.md)."""
