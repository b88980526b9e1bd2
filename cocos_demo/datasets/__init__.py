"""Where training pairs come from: prepared folders of pictures with their conditions."""
