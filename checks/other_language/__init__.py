"""A service that shares nothing with ours but the contract: where the contract is silent, no check may demand."""
