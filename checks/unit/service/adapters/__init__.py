"""What speaks to one server: with RUNTIME=docker these tests meet the images' servers, else the local boxes."""
