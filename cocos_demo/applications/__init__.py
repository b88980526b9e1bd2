"""What a correspondence is good for (CoCosNet, Sec. 5): image editing and makeup transfer."""
