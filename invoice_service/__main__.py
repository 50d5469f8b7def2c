from invoice_service.cli import main

main()
