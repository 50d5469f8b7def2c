"""What leaves the house on paper or as a file: QR codes and the PDF of an invoice."""
