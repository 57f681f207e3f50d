def tales(seed=0,size=1000000): return "x"
