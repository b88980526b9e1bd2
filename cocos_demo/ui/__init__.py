"""The app's tabs, one file each. Only app.py and this folder import gradio."""
