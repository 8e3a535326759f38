module lithe

go 1.25
