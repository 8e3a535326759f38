module loops

go 1.25
