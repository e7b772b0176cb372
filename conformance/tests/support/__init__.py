"""What the tests share: the processes they start, and the data they compare with."""
