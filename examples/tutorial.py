"""Find a line again with PyTorch: data, model, training, predictions, saving and loading."""

import matplotlib.pyplot as plt
import torch
from torch import nn

# 1. Data: points on a known line; the first 80% to train, the others to test
weight, bias = 0.7, 0.3
X = torch.arange(0, 1, 0.02).unsqueeze(dim=1)  # (50, 1)
y = weight * X + bias
n_train = int(0.8 * len(X))
X_train, y_train = X[:n_train], y[:n_train]
X_test, y_test = X[n_train:], y[n_train:]


# 2. Model: first two bare parameters, then the same line from a layer
class LinearParameters(nn.Module):
    def __init__(self):
        super().__init__()
        self.weights = nn.Parameter(torch.randn(1))
        self.bias = nn.Parameter(torch.randn(1))

    def forward(self, x):
        return self.weights * x + self.bias


class Linear(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear_layer = nn.Linear(1, 1)

    def forward(self, x):
        return self.linear_layer(x)


# 3. Training: five steps an epoch, then a look at the test points
def train(model, epochs):
    loss_fn = nn.L1Loss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    for epoch in range(epochs):
        model.train()
        y_pred = model(X_train)  # 1. forward
        loss = loss_fn(y_pred, y_train)  # 2. loss
        optimizer.zero_grad()  # 3. zero_grad
        loss.backward()  # 4. backward
        optimizer.step()  # 5. step
        model.eval()
        with torch.inference_mode():
            test_loss = loss_fn(model(X_test), y_test)
        if epoch % (epochs // 10) == 0:
            print(f"epoch {epoch}: train loss {loss.item()}, test loss {test_loss.item()}")


torch.manual_seed(42)
first_model = LinearParameters()
train(first_model, epochs=100)
print(first_model.state_dict())

torch.manual_seed(42)
model = Linear()
train(model, epochs=1000)
print(model.state_dict())

# 4. Predictions: in eval mode, and without gradients
model.eval()
with torch.inference_mode():
    predictions = model(X_test)
plt.scatter(X_train, y_train, s=4, c="b", label="train")
plt.scatter(X_test, y_test, s=4, c="g", label="test")
plt.scatter(X_test, predictions, s=4, c="r", label="predictions")
plt.legend()
plt.show()

# 5. Saving and loading: the state_dict goes into a new model
torch.save(model.state_dict(), "tutorial.pth")
loaded_model = Linear()
loaded_model.load_state_dict(torch.load("tutorial.pth"))
loaded_model.eval()
with torch.inference_mode():
    print(torch.equal(loaded_model(X_test), predictions))
