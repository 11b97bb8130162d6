"""FlowRules: campaigns and funnels as text files, executed against customer state in SQL."""

__version__ = "0.1.0"
