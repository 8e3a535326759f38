module rooms

go 1.25
