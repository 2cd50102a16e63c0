"""An artist's folders, settings and notes as ComfyUI shows them; bytes are blobs."""
