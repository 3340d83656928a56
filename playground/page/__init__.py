"""The Gradio page. Imports everything above it; nothing above imports it."""
