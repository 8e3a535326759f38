module ping

go 1.25
