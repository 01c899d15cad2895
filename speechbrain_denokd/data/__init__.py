"""From corpora on disk to batches of crops: the first arrow of the flow."""
