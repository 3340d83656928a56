"""The door: ``python app.py`` serves the Prompt Playground, here or on a hosted Gradio Space."""

from playground.boot import main

if __name__ == "__main__":
    raise SystemExit(main())
