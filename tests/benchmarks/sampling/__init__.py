"""The measures of the sampling: an independent judge, its data, its peers. Of ``dgmtui`` only ``sample`` is used."""
