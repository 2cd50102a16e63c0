"""The machine's wire: what the service and the agent on a machine say to each other (docs/agent.md)."""
