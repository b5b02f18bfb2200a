"""Records that biometric standards define: what chips and other systems wrap a face in."""
