"""The machine's end of the service's wire (docs/agent.md)."""
